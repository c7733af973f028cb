"""Running a suite's calls for real, and what they read, as records of a case."""

from collections.abc import Iterator
from typing import Any

from agentdojo.functions_runtime import FunctionCall, FunctionsRuntime, TaskEnvironment
from pydantic import BaseModel

Read = dict[str, Any]


def plain(value: Any) -> Any:
    """A value of the suite as JSON."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {str(name): plain(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def reads(system: str, tool: str, result: Any) -> Iterator[Read]:
    """What one call has read. Members of objects are fields by their own names; what
    is no object is the field that the tool is named after."""
    items = result if isinstance(result, list) else [result]
    objects = [item for item in items if isinstance(item, dict)]
    if objects:
        yield {"system": system, "value": objects}
    for item in items:
        if item is not None and not isinstance(item, (dict, list)):
            yield {"system": system, "field": tool, "value": item}


def has_text(value: Any, text: str) -> bool:
    """Whether some text inside of a value has this one, however it was broken into
    lines."""
    if isinstance(value, str):
        return " ".join(text.split()) in " ".join(value.split())
    if isinstance(value, dict):
        return any(has_text(member, text) for member in value.values())
    return isinstance(value, list) and any(has_text(item, text) for item in value)


class Desk:
    """A suite's environment that calls are made in, in order."""

    def __init__(
        self, suite: str, runtime: FunctionsRuntime, environment: TaskEnvironment
    ) -> None:
        self.suite = suite
        self.runtime = runtime
        self.environment = environment
        self.read: list[Read] = []
        self.errors: list[str] = []

    def store(self, tool: str) -> str:
        """The part of the environment that a tool works on first."""
        dependencies = self.runtime.functions[tool].dependencies
        return str(next(iter(dependencies.values())).env_dependency)

    def make(self, call: FunctionCall, is_read: bool) -> None:
        """Make a call. Only what reads return counts as a record: an answer to a
        write repeats what its caller said."""
        result, error = self.runtime.run_function(
            self.environment, call.function, call.args
        )
        if error is not None:
            self.errors.append(f"{call.function}: {error.splitlines()[0]}")
        elif is_read:
            system = f"{self.suite}.{self.store(call.function)}"
            self.read.extend(reads(system, call.function, plain(result)))
