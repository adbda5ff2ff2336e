"""Runs side by side: their metric cards, their newest pictures, and the config keys in which they differ.

`compare` reads the cards and refuses those that cannot be compared: a number means something only beside one that was
measured in the same way. `table.show`, `page.render` and `Comparison.to_dict` show what came out.
"""

from __future__ import annotations

from gantool.comparison.comparing import Comparison, compare

__all__ = ["Comparison", "compare"]
