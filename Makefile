# cTrip Serverless. `make help` lists the commands.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
# Reads .env, and refuses settings that are none, before it becomes Python.
PYTHON_ = $(BIN)/python -m infra.commands.environment $@
READY := $(VENV)/.installed
STAGE ?=
OUT ?= .local/package/$(STAGE)
ARCH ?= arm64
AWS ?= $(CTRIP_AWS)
CHAINS ?= $(CTRIP_CHAINS)
PYTEST_ARGS ?=
# Only what was asked for: it would go before what .env says.
ifneq ($(AWS),)
export CTRIP_AWS := $(AWS)
endif
ifneq ($(CHAINS),)
export CTRIP_CHAINS := $(CHAINS)
endif

# The tests start a hundred interpreters, which would compile every library anew where the environment forbids bytecode;
# it is kept here, and never beside the sources.
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/bytecode
unexport PYTHONDONTWRITEBYTECODE

UV_COMPILE = $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

.PHONY: help up demo pay env resume test check lint types browser shots clients nodes bench localstack package deploy rollback actions docs words lock clean stage

help: ## list the commands
	@awk 'BEGIN { FS = ":.*## " } /^[a-z]+:.*## / { printf "  \033[1mmake %-11s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  AWS=localstack runs up, demo and test on LocalStack; CHAINS=anvil,tron runs up and demo with a stand-in for Tron, too."
	@echo "  CTRIP_API_PORT, CTRIP_ANVIL_PORT, CTRIP_TRON_PORT and CTRIP_AWS_PORT move the ports."
	@echo "  Each command reads .env; .env.example lists what it may set."

up: $(READY) ## start everything on this machine, until Ctrl-C
	@exec $(PYTHON_) -m infra.commands.up

demo: $(READY) ## pay for itself on-chain, through to settled, and check each step
	@exec $(PYTHON_) -m infra.commands.demo

pay: $(READY) ## pay a local payment: ID=... [AMOUNT=<base units>]
	@ID="$(ID)" AMOUNT="$(AMOUNT)" exec $(PYTHON_) -m infra.commands.pay

resume: $(READY) ## scan a chain again that a deep reorganisation has paused: CHAIN=...
	@CHAIN="$(CHAIN)" exec $(PYTHON_) -m infra.commands.resume

env: $(READY) ## print export lines for the curl examples
	@exec $(PYTHON_) -m infra.commands.env

# Where PYTEST_ARGS choose, one of the two halves may have none of the chosen tests (5), but not both.
test: $(READY) ## run the tests, on the embedded AWS
	@none=$(if $(PYTEST_ARGS),5,0); first=0; second=0; \
	$(PYTHON_) -m pytest tests --ignore=tests/browser --ignore=tests/e2e --ignore=tests/localstack --ignore=tests/nodes --ignore=tests/package -n 2 $(PYTEST_ARGS) || first=$$?; \
	[ $$first = 0 ] || [ $$first = $$none ] || exit $$first; \
	$(PYTHON_) -m pytest tests/package tests/e2e $(PYTEST_ARGS) || second=$$?; \
	[ $$second = $$none ] && exit $$first; exit $$second

check: $(READY) ## format, lint, types, import rules, templates, then test, browser and localstack
	$(PYTHON_) -m infra.commands.docs --check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=layers/core:clients/python/src:. $(BIN)/lint-imports
	solc=$$($(PYTHON_) -m infra.tools.npm) && node infra/contracts/compile.mjs --check "$$solc"
	$(MAKE) lint
	@if command -v go >/dev/null; then $(MAKE) actions; else echo "make actions was not run: there is no Go here."; fi
	$(MAKE) test
	$(MAKE) browser
	$(MAKE) localstack

lint: $(READY) ## lint the templates of a packaged stage, as CloudFormation expands them, and every policy
	@exec $(PYTHON_) -m infra.lint

ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.7

actions: ## lint GitHub's workflows (needs Go)
	@command -v go >/dev/null || { echo "make actions: Go is needed, to run actionlint." >&2; exit 2; }
	@go run $(ACTIONLINT) -shellcheck= -pyflakes= && echo "actionlint found nothing in .github/workflows."

browser: $(READY) ## test the pages in headless Chromium
	@exec $(PYTHON_) -m pytest tests/browser $(PYTEST_ARGS)

shots: $(READY) ## write pictures of every page and state into .local/shots (needs Chromium)
	@PYTHONPATH=layers/core:. exec $(PYTHON_) -m infra.shots

clients: $(READY) ## generate clients in six languages from the description, compile and use them; ONLY="go rust" some
	@exec $(PYTHON_) -m infra.clients $(ONLY)

nodes: $(READY) ## test on geth, which is built with Go; RUN=dev or RUN=driven starts one for CTRIP_NODE_URL
	@RUN="$(RUN)" exec $(PYTHON_) -m infra.nodes $(PYTEST_ARGS)

bench: $(READY) ## run the benchmarks; BENCH_JSON=1 prints JSON, AGAINST=<checkout> measures that build beside this one
	@exec $(PYTHON_) -m infra.bench $(if $(BENCH_JSON),--json) $(if $(AGAINST),--against "$(AGAINST)")

localstack: $(READY) ## the demo on LocalStack, and the store's tests on DynamoDB Local
	@exec $(PYTHON_) -m infra.commands.localstack_check

package: $(READY) stage ## package for deployment: STAGE=... [ARCH=x86_64]
	@rm -rf "$(OUT)" && mkdir -p "$(OUT)"
	@$(PYTHON_) -m infra.commands.package --stage "$(STAGE)" --arch "$(ARCH)" --out "$(OUT)"

# What is set on the command line is in the environment, unread by make: JSON needs no quoting twice.
deploy: $(READY) stage ## package, and deploy both stacks: STAGE=... [APPROVE=1] [PLAN=1] [SET="Name=value ..."]
	@[ -n "$(PACKAGE)" ] || $(MAKE) package
	@exec $(PYTHON_) -m infra.deploy deploy --stage "$(STAGE)" --package "$(or $(PACKAGE),$(OUT))" \
		$(if $(PLAN),--plan) $(if $(DATA_ONLY),--data-only) $(if $(NO_SMOKE),--no-smoke) \
		$${PARAMETERS:+--parameters "$$PARAMETERS"} $${SET:+--set "$$SET"} $${ROLE:+--execution-role "$$ROLE"}

rollback: $(READY) stage ## deploy the application's release before again, and leave its data alone: STAGE=... [APPROVE=1]
	@exec $(PYTHON_) -m infra.deploy rollback --stage "$(STAGE)" $(if $(NO_SMOKE),--no-smoke) $${ROLE:+--execution-role "$$ROLE"}

stage:
	@[ -n "$(STAGE)" ] || { echo "which stage? STAGE=dev, say" >&2; exit 2; }

docs: $(READY) ## write anew what is generated: settings, .env.example, the payment's states
	@exec $(PYTHON_) -m infra.commands.docs

words: $(READY) ## add new messages of the pages to each language's catalogue, and name what is not translated yet
	@PYTHONPATH=layers/core:. exec $(PYTHON_) -m infra.commands.words

lock: $(READY) ## compile the requirements anew; UPGRADE=1 takes the newest
	$(UV_COMPILE) --universal --python-version 3.11 requirements.in -o requirements.txt
	$(UV_COMPILE) --universal --python-version 3.11 requirements-dev.in -o requirements-dev.txt
	$(UV_COMPILE) --universal --python-version 3.11 infra/lint/requirements.in -o infra/lint/requirements.txt
	$(UV_COMPILE) --universal --python-version 3.11 infra/bench/evm/requirements.in -o infra/bench/evm/requirements.txt
	$(UV_COMPILE) --python-version 3.13 infra/localstack/requirements.in -o infra/localstack/requirements.txt
	$(UV_COMPILE) --universal --python-version 3.11 infra/localstack/runtime.in -o infra/localstack/runtime.txt

clean: ## remove what was downloaded and built, and every local state
	rm -rf $(VENV) .tools .local

$(READY): requirements.txt requirements-dev.txt
	@sh infra/setup.sh $(VENV)
