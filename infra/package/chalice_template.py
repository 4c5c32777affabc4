"""Chalice's part of the template: what `chalice package --merge-template` writes, without an archive of Chalice's own.

Composed of Chalice's public parts as its command composes them, but for the step that would download wheels and build
an archive. It has a process of its own: reading app.py gives the process the stage's environment.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from chalice.cli.factory import CLIFactory
from chalice.deploy.appgraph import ApplicationGraphBuilder, DependencyBuilder
from chalice.deploy.deployer import (
    BaseDeployStep,
    BuildStage,
    InjectDefaults,
    LambdaEventSourcePolicyInjector,
    PolicyGenerator,
    SwaggerBuilder,
    WebsocketPolicyInjector,
)
from chalice.deploy.models import DeploymentPackage
from chalice.deploy.swagger import CFNSwaggerGenerator
from chalice.package import (
    ResourceBuilder,
    SAMTemplateGenerator,
    TemplateDeepMerger,
    TemplateMergePostProcessor,
    YAMLTemplateSerializer,
)
from chalice.policy import AppPolicyGenerator
from chalice.utils import OSUtils

ARCHIVE = "./deployment.zip"


class _NamedArchive(BaseDeployStep):
    """Names the archive that is built beside, in the place of Chalice's packager."""

    def handle_deploymentpackage(self, config: Any, resource: DeploymentPackage) -> None:
        """Set where the template finds the functions' code."""
        resource.filename = ARCHIVE


def template(project: Path, stage: str, arch: str, merged: Path) -> dict[str, Any]:
    """Return a stage's template, merged with another one of ours."""
    factory = CLIFactory(str(project))
    config = factory.create_config_obj(stage, user_provided_params={"lambda_architecture": arch})
    files = OSUtils()
    builder = ResourceBuilder(ApplicationGraphBuilder(), DependencyBuilder(), BuildStage(steps=_steps(files)))
    made = SAMTemplateGenerator(config, factory.create_package_options()).generate(
        builder.construct_resources(config, stage)
    )
    merge = TemplateMergePostProcessor(files, TemplateDeepMerger(), YAMLTemplateSerializer(), str(merged))
    merge.process(made, config, "", stage)
    return dict(made)


def _steps(files: OSUtils) -> list[Any]:
    return [
        InjectDefaults(),
        _NamedArchive(),
        PolicyGenerator(policy_gen=AppPolicyGenerator(osutils=files), osutils=files),
        SwaggerBuilder(swagger_generator=CFNSwaggerGenerator()),
        LambdaEventSourcePolicyInjector(),
        WebsocketPolicyInjector(),
    ]


def main() -> None:
    """Write the template as JSON to standard output: `python -m infra.package.chalice_template STAGE ARCH MERGED`."""
    stage, arch, merged = sys.argv[1:]
    # app.py may print: standard output is the template's alone.
    answer, sys.stdout = sys.stdout, sys.stderr
    json.dump(template(Path.cwd(), stage, arch, Path(merged)), answer)


if __name__ == "__main__":
    main()
