"""The table of report sections: what shows the predictions of a test.

A section is a function from the arrays of ``predictions/test.npz`` to parts of HTML. A task names
its sections in ``report_sections``.
"""

from slowfast.utils.registry import Registry

SECTIONS = Registry("report section", "slowfast.visualization")
