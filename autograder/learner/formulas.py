"""The prose and the formulas before an exercise, made readable at a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["formulas", "plain", "prose", "readable"]

_CELL = re.compile(r"^# ?%%(.*)$", re.MULTILINE)
_MATH = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+(?:\n[^$\n]+)?)\$", re.DOTALL)
_GRADIENT = re.compile(r"(?:^|[ ,(;])d[A-Za-z]\w*(?:/d\w+)? ?=|['′] ?\([^()]*\) ?=|∂[^=]*=")
_SYMBOLS = {
    "cdot": "·", "times": "×", "partial": "∂", "sum": "Σ", "sqrt": "√", "infty": "∞", "top": "T", "le": "≤", "ge": "≥",
    "ne": "≠", "approx": "≈", "to": "→", "iff": "⇔", "Longleftrightarrow": "⇔", "odot": "⊙", "in": "∈", "pm": "±",
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "eta": "η", "theta": "θ",
    "lambda": "λ", "mu": "μ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "omega": "ω", "Phi": "Φ",
    "ell": "ℓ", "Delta": "Δ", "lVert": "‖", "rVert": "‖", "bar": "mean ", "xrightarrow": "→ ", "xleftarrow": "← ",
    "dots": "…", "ldots": "…", "cdots": "…", "quad": " ", "qquad": " ", "textstyle": "",
    "lvert": "|", "rvert": "|", "prime": "′",
}  # fmt: skip
_SUPERSCRIPTS = str.maketrans("0123456789-T", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀ")


def prose(path: Path, text: str, exercise: str) -> str:
    """The markdown between the preceding code cell and the exercise's; empty where it is not found."""
    defines = re.compile(rf"^(?:class|def) {re.escape(exercise)}\b", re.MULTILINE)
    found: list[str] = []
    for is_code, source in _notebook(text) if path.suffix == ".ipynb" else _script(text):
        if not is_code:
            found.append(source)
        elif defines.search(source):
            return "\n\n".join(found)
        else:
            found.clear()
    return ""


def _notebook(text: str) -> Iterator[tuple[bool, str]]:
    for cell in json.loads(text).get("cells", []):
        source = cell.get("source", "") if isinstance(cell, dict) else ""
        if source:
            whole = "".join(map(str, source)) if isinstance(source, list) else str(source)
            yield cell.get("cell_type") == "code", whole


def _script(text: str) -> Iterator[tuple[bool, str]]:
    pieces = _CELL.split(text)[1:]
    for header, source in zip(pieces[::2], pieces[1::2], strict=True):
        if "[markdown]" in header or "[md]" in header:
            yield False, re.sub(r"^# ?", "", source, flags=re.MULTILINE)
        elif source.strip():
            yield True, source


def formulas(prose: str, *, backward: bool) -> list[str]:
    """Displayed formulas of a section; for a backward those, displayed or inline, that define a gradient."""
    found = []
    for display, inline in _MATH.findall(prose):
        formula = plain(display or inline)
        gradient = _GRADIENT.search(formula)
        if not re.search(r"=.*[^\W\d]", formula):
            continue  # numbers of an example
        if (backward and gradient) or (display and not backward and not gradient):
            found.append(formula)
    return list(dict.fromkeys(found))


def readable(markdown: str) -> list[str]:
    """The paragraphs of a text, each on one line, its formulas spelled without markup."""
    spelled = _MATH.sub(lambda found: plain(found[1] or found[2]), markdown)
    return [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", spelled) if paragraph.strip()]


def plain(latex: str) -> str:
    r"""Spell LaTeX without its markup: ``\frac{a}{b}`` as ``a/b``, ``\sigma`` as ``σ``."""
    text = re.sub(r"\\begin\{cases\}(.*?)\\end\{cases\}", _cases, latex, flags=re.DOTALL)
    text = re.sub(r"\\[tdc]?frac\s*(\w)\s*(?:(\w)|\{(\w+)\})", r"\1/\2\3", text).replace("^\\top", "ᵀ ")
    before = ""
    while before != text:  # from the inside outward
        before = text
        text = re.sub(r"\\[tdc]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}", _fraction, text)
        text = re.sub(r"\\(?:mathrm|text|mathbf|operatorname|mathcal|boldsymbol)\s*\{([^{}]*)\}", r" \1", text)
        text = re.sub(r"\\sqrt\s*\{([^{}]*)\}", r"√(\1)", text)
        text = re.sub(r"([_^])\{([^{}]*)\}", _script_of, text)
    text = re.sub(r"\\(?:[bB]igg?[lr]?|left|right|limits|displaystyle|begin\{\w+\}|end\{\w+\})(?![A-Za-z])", "", text)
    text = re.sub(r"\\([A-Za-z]+)", lambda found: _SYMBOLS.get(found[1], f" {found[1]} "), text)
    text = re.sub(r"\\[,;:! ]", " ", text.replace("\\\\", "; ").replace("\\|", "‖").replace("\\{", "{"))
    text = re.sub(r"\^([0-9T])(?!\w)", lambda found: found[1].translate(_SUPERSCRIPTS), text)
    text = " ".join(text.replace("{", "").replace("}", "").replace("&", " ").replace("\\", "").split())
    return re.sub(r" ?([,;])[ ,;]*", r"\1 ", re.sub(r"(?<=\w) (?=[(²]|'\()", "", text.replace("∂ ", "∂"))).strip(" ,.")


def _cases(found: re.Match[str]) -> str:
    rows = (row.split("&") for row in found[1].split(r"\\") if row.strip())
    return "; ".join(" if ".join(cell.strip() for cell in row) for row in rows) + ", "


def _fraction(found: re.Match[str]) -> str:
    above, below = (
        part if re.fullmatch(r"\\?[\w ]+(?:[_^]\w+)?|\([^()]*\)", part.strip()) else f"({part})"
        for part in found.groups()
    )
    return f"{above}/{below}"


def _script_of(found: re.Match[str]) -> str:
    mark, text = found.groups()
    if mark == "^" and re.fullmatch(r"-?\d+", text):
        return text.translate(_SUPERSCRIPTS)
    return f"{mark}{text}" if re.fullmatch(r"\\?\w+", text) else f"{mark}({text})"
