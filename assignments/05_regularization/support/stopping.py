"""Training followed epoch by epoch; read after ``parameters.py``, whose ``write`` it uses."""


def follow(stopper, parameters, losses, places):
    """Go through epochs: new weights, in place, and their loss; what update returns, as words."""
    said = []
    for loss, arrays in zip(losses, places):
        write(parameters, arrays)
        answer = stopper.update(loss)
        said.append("stop" if answer else "go on")
    return said
