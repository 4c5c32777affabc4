#!/bin/sh
# Makes .venv from the pinned requirements. Everything it says goes to standard error: `make env` is read by a shell.
set -eu
exec >&2
venv=${1:-.venv}

suits() {
    "$1" -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] < (3, 15))' 2>/dev/null
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        suits "$PYTHON" && command -v "$PYTHON"
        return
    fi
    # 3.13 first: it is what the functions are deployed on.
    for name in python3.13 python3.12 python3.11 python3.14 python3; do
        # pyenv leaves shims on the path that run nothing.
        if command -v "$name" >/dev/null && suits "$name" && "$name" -c 'import ensurepip, venv' 2>/dev/null; then
            command -v "$name"
            return
        fi
        for path in "${PYENV_ROOT:-$HOME/.pyenv}/versions/${name#python}".*/bin/python; do
            if [ -x "$path" ] && suits "$path"; then
                echo "$path"
                return
            fi
        done
    done
    return 1
}

python=$(find_python) || {
    echo "Python 3.11 to 3.14 with its venv module is needed, and neither the path nor pyenv has one; install it (Debian: apt install python3 python3-venv)."
    exit 2
}

[ -x "$venv/bin/python" ] && suits "$venv/bin/python" || {
    rm -rf "$venv"
    echo "making $venv with $("$python" --version) ..."
    "$python" -m venv "$venv"
}

# pip takes most of a minute for what uv does in seconds; uv itself comes by its hash too.
if ! cmp -s requirements-dev.txt "$venv/.requirements-uv-from"; then
    awk '/^[^ #]/ { on = /^uv==/ } on' requirements-dev.txt >"$venv/uv.txt"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$venv/uv.txt"
    cp requirements-dev.txt "$venv/.requirements-uv-from"
fi
echo "installing the pinned requirements ..."
"$venv/bin/uv" pip sync --python "$venv/bin/python" --require-hashes requirements.txt requirements-dev.txt || {
    echo "uv could not; trying pip, which knows other mirrors and takes a minute ..."
    "$venv/bin/python" -m pip install --disable-pip-version-check --require-hashes -r requirements.txt -r requirements-dev.txt
}
# The operator's command line, from any folder.
printf '#!/bin/sh\nexec env PYTHONPATH="%s" "%s" -m infra.cli "$@"\n' "$PWD" "$(cd "$venv" && pwd)/bin/python" >"$venv/bin/ctrip"
chmod +x "$venv/bin/ctrip"
touch "$venv/.installed"
