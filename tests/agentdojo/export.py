"""Writes AgentDojo's tasks as calls for `tollgate decide`.

    python export.py OUT

makes a folder for each suite: its tools, a manifest made of them, one line for each
call of a user task or of an injection under a user task, and a list of the tasks.
No model takes part: the calls are the ground truth that the suite's authors wrote.
"""

import argparse
import importlib.metadata
import json
import logging
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from agentdojo.attacks.important_instructions_attacks import ImportantInstructionsAttack
from agentdojo.functions_runtime import FunctionCall, FunctionsRuntime
from agentdojo.task_suite.load_suites import get_suites
from agentdojo.task_suite.task_suite import TaskSuite

import generate
import schemas
import trusted
from records import Desk, has_text, plain

BENCHMARK = "v1.2.2"
TENANT = "acme"
HERE = Path(__file__).parent

Line = dict[str, Any]


class Exporter:
    def __init__(self, suite: TaskSuite, tools: Sequence[dict[str, Any]]) -> None:
        self.suite = suite
        reads = [tool for tool in tools if tool["effect"] == "read"]
        self.readers = {tool["name"] for tool in reads}
        self.egress = {tool["name"] for tool in reads if schemas.takes_text(tool)}
        self.errors: list[str] = []
        self.unread: list[tuple[str, str]] = []

    def desk(self, user_task: str, injections: dict[str, str]) -> Desk:
        environment = self.suite.load_and_inject_default_environment(injections)
        task = self.suite.user_tasks[user_task]
        runtime = FunctionsRuntime(self.suite.tools)
        return Desk(self.suite.name, runtime, task.init_environment(environment))

    def attack(self, injection_task: str) -> dict[str, str]:
        """The suite's own attack text at every place that an attacker can write."""
        text = ImportantInstructionsAttack._JB_STRING.format(
            goal=self.suite.injection_tasks[injection_task].GOAL,
            user="Emma Johnson",
            model="AI assistant",
        )
        return dict.fromkeys(self.suite.get_injection_vector_defaults(), text)

    def lines(
        self,
        desk: Desk,
        case: dict[str, Any],
        calls: Sequence[FunctionCall],
    ) -> Iterator[Line]:
        """The calls in order, each with what was read before it."""
        for number, call in enumerate(calls):
            yield {
                **case,
                "id": {**case["id"], "call": number},
                "tenant": TENANT,
                "principal": "agent:assistant",
                "workflow": self.suite.name,
                "tool": call.function,
                "input": plain(call.args),
                # What a connector does for it: one request to the system behind it,
                # with the caller's words in it where it has any.
                "call": "http.send",
                "destination": desk.store(call.function),
                "egress": call.function in self.egress,
                "read": list(desk.read),
            }
            desk.make(call, call.function in self.readers)

    def user_task(self, task: str) -> Iterator[Line]:
        """The task on a day without an attack."""
        yield from self._user_calls(task, None, self.desk(task, {}))

    def attacked(self, task: str, injection_task: str) -> Iterator[Line]:
        """The task under attack, and then what the attack asks for. Its values come
        from what was read, so no input of the case has them."""
        desk = self.desk(task, self.attack(injection_task))
        injection = self.suite.injection_tasks[injection_task]
        before = desk.environment.model_copy(deep=True)
        yield from self._user_calls(task, injection_task, desk)
        if not has_text(desk.read, injection.GOAL):
            self.unread.append((task, injection_task))
        case = self._case(task, injection_task, "injection")
        yield from self.lines(desk, case, injection.ground_truth(before))
        self.errors += [f"{task} {injection_task}: {said}" for said in desk.errors]

    def _user_calls(
        self, task: str, injection: str | None, desk: Desk
    ) -> Iterator[Line]:
        calls = self.suite.user_tasks[task].ground_truth(
            desk.environment.model_copy(deep=True)
        )
        yield from self.lines(desk, self._case(task, injection, "user"), calls)
        if injection is None:
            self.errors += [f"{task}: {said}" for said in desk.errors]

    def _case(self, task: str, injection: str | None, by: str) -> dict[str, Any]:
        return {
            "id": {"by": by, "task": task, "injection": injection},
            "case": f"{task} {injection or 'alone'}",
            "inputs": trusted.inputs(self.suite.user_tasks[task].PROMPT),
        }

    def tasks(self) -> dict[str, Any]:
        """What the lines were made of."""
        environment = self.suite.load_and_inject_default_environment({})
        injections = self.suite.injection_tasks.items()
        return {
            "suite": self.suite.name,
            "package": importlib.metadata.version("agentdojo"),
            "benchmark": BENCHMARK,
            "user_tasks": list(self.suite.user_tasks),
            "injection_tasks": [
                {
                    "id": name,
                    "goal": task.GOAL,
                    "calls": len(task.ground_truth(environment.model_copy(deep=True))),
                }
                for name, task in injections
            ],
            "errors": self.errors,
            "unread": self.unread,
        }


def export(suite: TaskSuite, classes: dict[str, str], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    by_signature = schemas.tools(suite.tools, {})
    tools = schemas.tools(suite.tools, classes)
    exporter = Exporter(suite, by_signature)
    with (out / "calls.jsonl").open("w", encoding="utf-8") as file:
        for task in suite.user_tasks:
            _write(file, exporter.user_task(task))
            for injection in suite.injection_tasks:
                _write(file, exporter.attacked(task, injection))
    for name, value in (
        ("tools.json", tools),
        ("tools-by-signature.json", by_signature),
        ("tasks.json", exporter.tasks()),
    ):
        (out / name).write_text(json.dumps(value, indent=1), encoding="utf-8")
    for name, text in (
        ("by-signature.toml", generate.manifest(suite.name, by_signature)),
        ("by-class.toml", generate.manifest(suite.name, by_signature, frozenset())),
    ):
        (out / name).write_text(text, encoding="utf-8")


def _write(file: Any, lines: Iterator[Line]) -> None:
    file.writelines(json.dumps(line) + "\n" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--suite", action="append")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    classes = tomllib.loads((HERE / "manifests/effects.toml").read_text("utf-8"))
    for name, suite in get_suites(BENCHMARK).items():
        if arguments.suite is None or name in arguments.suite:
            export(suite, classes.get(name, {}), arguments.out / name)


if __name__ == "__main__":
    main()
