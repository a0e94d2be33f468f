"""Planning: the check `demand_met` of `gold/<dataset>`."""

import dagster as dg

from assets.common import key, picture, plain_failures
from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset
from lakehouse.operations.planning.picture import volumes_picture
from lakehouse.operations.planning.plan import plan

NAME = "demand_met"


def check(project: Project, dataset: Dataset) -> dg.AssetChecksDefinition:
    """Whether the dataset holds what its demand asks for; a warning, for what is missing is no fault of what is there."""
    name = dataset.dataset

    @dg.asset_check(asset=key("gold", name), name=NAME, description="The newest version holds what the dataset's demand asks for.")
    def demand_met() -> dg.AssetCheckResult:
        with plain_failures():
            return result(project, dataset)

    return demand_met


def result(project: Project, dataset: Dataset) -> dg.AssetCheckResult:
    """What is there of what is wanted, as things are."""
    found = plan(project, dataset.dataset)
    lines = [dg.TableRecord({"what": one.what, "wanted": one.wanted, "there": one.have, "to collect": one.collect}) for one in found.lines]
    columns = [dg.TableColumn("what"), *(dg.TableColumn(c, "int") for c in ("wanted", "there", "to collect"))]
    due = found.deadline
    return dg.AssetCheckResult(
        check_name=NAME,
        passed=found.met,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "volumes": dg.MetadataValue.table(lines, schema=dg.TableSchema(columns)),
            "rows to collect": found.collect,
            **picture("what is there of what is wanted", volumes_picture([found])),
            **({"deadline": due.deadline, "expected": due.expected or "not known", "deadline verdict": due.verdict} if due else {}),
        },
    )
