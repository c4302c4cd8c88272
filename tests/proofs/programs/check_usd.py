"""What Pixar's usdchecker says of the files it is given: a JSON list of {file, messages} on stdout.

Both of its engines are asked: the compliance checker, with the rules of ARKit, and the newer validators.
"""

import json
import sys

from pxr import Tf, Usd, UsdUtils, UsdValidation


def compliance(path: str) -> list[str]:
    checker = UsdUtils.ComplianceChecker(arkit=True)
    checker.CheckCompliance(path)
    return [*checker.GetErrors(), *checker.GetFailedChecks(), *checker.GetWarnings()]


def validation(path: str) -> list[str]:
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert validators, "this build of USD has no validators"
    try:
        stage = Usd.Stage.Open(path)
    except Tf.ErrorException as error:
        return [str(error)]
    found = UsdValidation.ValidationContext(validators).Validate(stage)
    return [f"{error.GetName()}: {error.GetMessage()}" for error in found]


def main() -> None:
    paths = sys.argv[1:]
    print(json.dumps([{"file": path, "messages": compliance(path) + validation(path)} for path in paths]))


main()
