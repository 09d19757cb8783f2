import json
import pathlib

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def files(table):
    """The Parquet files of a table in a folder."""
    table = pathlib.Path(table)
    for commits in sorted((table / "commits").iterdir()):
        compactions = sorted((table / "compactions" / commits.name).glob("*.json"))[-1:]
        last = compactions[0].name if compactions else ""
        manifests = compactions + sorted(path for path in commits.glob("*.json") if path.name > last)
        for manifest in manifests:
            yield from (table / file["path"] for file in json.loads(manifest.read_text())["files"])


def read(table, *keys):
    """The newest version of each record that is not removed; `keys` are the key columns."""
    rows = pa.concat_tables([pq.read_table(file) for file in files(table)], promote_options="default")
    rows = rows.sort_by([("_committed", "descending")])
    order = rows.select(keys).append_column("_order", pa.array(range(len(rows))))
    newest = order.group_by(list(keys)).aggregate([("_order", "min")])
    rows = rows.take(newest["_order_min"])
    return rows.filter(pc.invert(rows["_removed"])).drop_columns(["_committed", "_removed"])
