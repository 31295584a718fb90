"""The notebook in the examples, from its first cell to its last."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from harness import HERE

pytest.importorskip("munas", reason="the package is not installed", exc_type=ImportError)
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
for module in ("ipykernel", "sklearn", "pandas", "matplotlib"):
    pytest.importorskip(module, reason=f"{module} is not installed")

NOTEBOOK = HERE.parents[1] / "examples" / "python" / "from_arrays_to_firmware.ipynb"


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_the_notebook_runs(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    said = "\n".join(
        output.get("text", "") + str(output.get("data", {}))
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )
    assert "in int8" in said and "image/png" in said and "<table" in said, said
    assert "trials ·" in said, "a display of the search's progress"
    assert (tmp_path / "runs" / "digits-firmware" / "digit.c").exists()
