"""What a check says: as text, and as HTML that follows the notebook's theme."""

from __future__ import annotations

import html
from dataclasses import dataclass

# Words carry the meaning, colour underlines it; the variables are those of JupyterLab and VS Code.
_GOOD = "var(--jp-success-color1, var(--vscode-testing-iconPassed, #2e8540))"
_BAD = "var(--jp-warn-color1, var(--vscode-editorWarning-foreground, #b35c00))"
_OPEN = "var(--jp-info-color1, var(--vscode-editorInfo-foreground, #0072b2))"
_STATES = {
    "passed": ("✓", "Right.", _GOOD),
    "wrong": ("✗", "Not yet.", _BAD),
    "unusable": ("✗", "Cannot be checked.", _BAD),
    "open": ("…", "Not answered yet.", _OPEN),
}


@dataclass(frozen=True, slots=True)
class Feedback:
    """What became of an answer."""

    id: str
    state: str  # "passed", "wrong", "unusable" (of another kind than asked for) or "open" (no answer yet)
    message: str
    hints: tuple[str, ...] = ()  # those that have come up, the last one newest
    more_hints: int = 0  # how many are left

    @property
    def passed(self) -> bool:
        return self.state == "passed"

    @property
    def answered(self) -> bool:
        return self.state != "open"

    def __repr__(self) -> str:
        mark, word, _ = _STATES[self.state]
        hints = "".join(f"\n  Hint {i}: {hint}" for i, hint in enumerate(self.hints, 1))
        return f"{mark} {self.id} {word} {self.message}{hints}{self._left(chr(10) + '  ')}".rstrip()

    def _repr_html_(self) -> str:
        mark, word, colour = _STATES[self.state]
        say = html.escape
        hints = "".join(f"<li>{say(hint)}</li>" for hint in self.hints)
        hints = f'<div style="margin-top:4px">Hints:<ol style="margin:0">{hints}</ol></div>' if hints else ""
        left = f'<div style="margin-top:4px;opacity:.8">{say(self._left(""))}</div>' if self._left("") else ""
        return (
            f'<div role="status" style="max-width:60em;padding:6px 12px;border-left:5px solid {colour}">'
            f'<b><span aria-hidden="true">{mark}</span> {say(self.id)} {word}</b> {say(self.message)}'
            f"{hints}{left}</div>"
        )

    def _left(self, before: str) -> str:
        if self.state != "wrong" or not self.more_hints:
            return ""
        hints = "a hint" if not self.hints else "another hint"
        return f"{before}The next wrong answer brings {hints}."
