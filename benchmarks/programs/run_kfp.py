"""The cases in kfp.local, without a venv and without pip for each task: its fastest mode."""

from collections.abc import Callable

from kfp import dsl, local


@dsl.component(install_kfp_package=False)
def step(x: int) -> int:
    return x + 1


@dsl.component(install_kfp_package=False)
def sleeper(x: int) -> int:
    import time

    time.sleep(1)
    return x


def prepare(case: str, n: int, folder: str) -> Callable[[], object]:
    local.init(
        runner=local.SubprocessRunner(use_venv=False),
        pipeline_root=f"{folder}/root",
        enable_caching=case == "cached",
        cache_root=f"{folder}/cache",
    )

    def sleepers() -> None:
        for i in range(n):
            sleeper(x=i)

    def chain() -> int:
        task = step(x=1)
        for _ in range(n - 1):
            task = step(x=task.output)
        return task.output

    built = dsl.pipeline(name="bench")(sleepers if case == "sleepers" else chain)
    if case == "cached":
        built()
    return built
