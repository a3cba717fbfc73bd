"""Source that spoils a right implementation in just one way: the audit appends it to prove a check's teeth."""

from __future__ import annotations

__all__ = ["spoiled", "spoiled_method"]


def spoiled(*body: str, method: str = "forward") -> str:
    """Source of a subclass that spoils one method of a right class; ``{name}`` stands for the exercise."""
    return "_Right = {name}\nclass {name}(_Right):\n" + spoiled_method(*body, method=method)


def spoiled_method(*body: str, method: str) -> str:
    """One more spoiled method of the subclass."""
    arguments = "*xs" if method == "forward" else "*dy"
    return f"    def {method}(self, {arguments}):\n" + "".join(f"        {line}\n" for line in body)
