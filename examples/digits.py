"""A realistic pipeline on real data: scikit-learn's handwritten digits.

Load and split the data, train several models in a loop, pick the best one, and deploy it only if it is good enough.

    typedpipe run examples/digits.py --epochs 3
    typedpipe compile examples/digits.py -o digits.yaml
"""

from typing import NamedTuple

from typedpipe import Collected, Dataset, Else, If, Input, Metrics, Model, OneOf, ParallelFor, component, pipeline

IMAGE = "localhost/typedpipe-digits:1"
"""A Python image with scikit-learn. On your own cluster, use any image that contains it, or `packages_to_install`."""


class SklearnModel(Model):
    """A scikit-learn classifier, saved with joblib."""

    schema_title = "example.SklearnModel"
    schema_version = "1.0.0"


class Split(NamedTuple):
    train: Dataset
    test: Dataset


class Trained(NamedTuple):
    model: SklearnModel
    metrics: Metrics
    accuracy: float


class Best(NamedTuple):
    model: SklearnModel
    accuracy: float


@component(base_image=IMAGE)
def load_digits() -> Dataset:
    import numpy as np
    from sklearn.datasets import load_digits as load

    x, y = load(return_X_y=True)
    data = Dataset(metadata={"rows": len(y), "classes": 10})
    with open(data.path, "wb") as file:
        np.savez(file, x=np.asarray(x) / 16.0, y=y)
    return data


@component(base_image=IMAGE)
def split(data: Input[Dataset], test_share: float, seed: int) -> Split:
    import numpy as np
    from sklearn.model_selection import train_test_split

    with np.load(data.path) as arrays:
        x, y = arrays["x"], arrays["y"]
    parts = train_test_split(x, y, test_size=test_share, random_state=seed, stratify=y)
    result = Split(train=Dataset(), test=Dataset())
    for part, part_x, part_y in ((result.train, parts[0], parts[2]), (result.test, parts[1], parts[3])):
        part.metadata["rows"] = len(part_y)
        with open(part.path, "wb") as file:
            np.savez(file, x=part_x, y=part_y)
    return result


@component(base_image=IMAGE)
def train(data: Input[Dataset], test: Input[Dataset], learning_rate: float, epochs: int, seed: int) -> Trained:
    import joblib
    import numpy as np
    from sklearn.linear_model import SGDClassifier

    with np.load(data.path) as arrays:
        x, y = arrays["x"], arrays["y"]
    classifier = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=learning_rate, random_state=seed)
    for epoch in range(epochs):
        classifier.partial_fit(x, y, classes=np.arange(10))
        print(f"learning rate {learning_rate}, epoch {epoch + 1}: {classifier.score(x, y):.3f} on the training data")
    with np.load(test.path) as arrays:
        accuracy = float(classifier.score(arrays["x"], arrays["y"]))
    model = SklearnModel(metadata={"learning_rate": learning_rate, "epochs": epochs})
    joblib.dump(classifier, model.path)
    metrics = Metrics()
    metrics.log_metric("accuracy", accuracy)
    return Trained(model=model, metrics=metrics, accuracy=accuracy)


@component(base_image=IMAGE)
def pick_best(models: Input[list[SklearnModel]], accuracies: list[float]) -> Best:
    best = max(range(len(accuracies)), key=lambda index: accuracies[index])
    print("accuracies:", [round(value, 3) for value in accuracies])
    return Best(model=models[best], accuracy=accuracies[best])


@component(base_image=IMAGE)
def deploy(model: Input[Model], accuracy: float) -> str:
    import os

    print(f"deploying {os.path.getsize(model.path)} bytes, trained with {model.metadata}")
    return f"deployed with accuracy {accuracy:.3f}"


@component
def refuse(accuracy: float, needed: float) -> str:
    return f"not deployed: accuracy {accuracy:.3f} is below {needed}"


class Result(NamedTuple):
    model: SklearnModel
    accuracy: float
    decision: str


@pipeline
def digits(
    epochs: int = 5,
    learning_rates: list[float] = [0.001, 0.01, 0.1],
    needed: float = 0.9,
    test_share: float = 0.25,
    seed: int = 0,
) -> Result:
    """Train classifiers of handwritten digits, and deploy the best one if it is good enough."""
    parts = split(data=load_digits().output, test_share=test_share, seed=seed)
    with ParallelFor(learning_rates) as rate:
        trained = train(
            data=parts.outputs.train, test=parts.outputs.test, learning_rate=rate, epochs=epochs, seed=seed
        ).set_retry(1)
    best = pick_best(models=Collected(trained.outputs.model), accuracies=Collected(trained.outputs.accuracy))
    with If(best.outputs.accuracy >= needed):
        deployed = deploy(model=best.outputs.model, accuracy=best.outputs.accuracy)
    with Else():
        refused = refuse(accuracy=best.outputs.accuracy, needed=needed)
    return Result(
        model=best.outputs.model,
        accuracy=best.outputs.accuracy,
        decision=OneOf(deployed.output, refused.output),
    )
