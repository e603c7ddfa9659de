"""phone: writes telephone numbers in one form, +<country><number>.

A transform in Python. The host calls the methods of `Guest`; the types come from `wit_world`, which componentize-py
makes from ../../wit. See README.md for the build command.
"""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import host, types

VALUE = 0
ALL = types.OpSet.INSERT | types.OpSet.UPDATE | types.OpSet.DELETE | types.OpSet.REFRESH


def fail(kind: types.ErrorKind, message: str) -> Err:
    """An error for the host. Its text never holds a value of a row."""
    return Err(types.Error(kind, message, None, None))


def normalize(number: str, country: str) -> str:
    """`(0170) 123-45` with the country 49 becomes `+4917012345`; what is no number stays as it is."""
    digits = "".join(letter for letter in number if letter.isascii() and letter.isdigit())
    if len(digits) < 5:
        return number
    if number.lstrip().startswith("+"):
        return "+" + digits
    if digits.startswith("00"):
        return "+" + digits[2:]
    return "+" + country + digits.lstrip("0")


def texts(vector: types.Vector) -> list:
    """The values of a text vector; None where the slot is empty."""
    pool = vector.values.value
    values, start = [], 0
    for row, end in enumerate(pool.ends):
        value = not vector.states or vector.states[row] == VALUE
        values.append(pool.data[start:end].decode() if value else None)
        start = end
    return values


def vector_of(column: int, values: list, like: types.Vector) -> types.Vector:
    """A text vector with the states, and the odd values, of another one."""
    data, ends = bytearray(), []
    for value in values:
        if value is not None:
            data += value.encode()
        ends.append(len(data))
    return types.Vector(column, like.states, types.Values_Texts(types.Pool(ends, bytes(data))), like.odd)


class Guest(exports.Guest):
    # Of the class: each call comes to an object of its own.
    columns: list = []
    country = ""

    def describe(self) -> types.Description:
        schema = {
            "type": "object",
            "required": ["columns", "country"],
            "properties": {
                "columns": {"type": "array", "items": {"type": "string"}},
                "country": {"type": "string", "description": "calling code, such as 49"},
            },
        }
        return types.Description("phone", "0.1.0", json.dumps(schema))

    def configure(self, config: str) -> None:
        given = json.loads(config)
        try:
            Guest.columns = list(given["columns"])
            Guest.country = str(given["country"]).lstrip("+")
        except (KeyError, TypeError) as error:
            raise fail(types.ErrorKind.CONFIG, f"`columns` and `country` are needed: {error}")

    def plan_table(self, table: types.Table) -> types.Plan:
        places = {column.name.lower(): index for index, column in enumerate(table.columns)}
        chosen = []
        for name in self.columns:
            place = places.get(name.lower())
            if place is None:
                known = ", ".join(places)
                raise fail(types.ErrorKind.SCHEMA, f"{table.name.name} has no column `{name}`; it has {known}")
            chosen.append(place)
        columns = []
        for index, column in enumerate(table.columns):
            made = index in chosen
            source = types.ColumnSource_Replaced(index) if made else types.ColumnSource_Input(index)
            columns.append(types.TargetColumn(column.name, None, column.nullable, source))
        # A column that rows are found by is made for the old image too.
        keyless = all(column.key == 0 for column in table.columns)
        before = [index for index in chosen if keyless or table.columns[index].key > 0]
        host.log(host.Level.DEBUG, f"{len(chosen)} columns of {table.name.name}")
        return types.Plan_Apply(
            types.TablePlan(
                read_after=chosen,
                read_before=before,
                want_meta=False,
                columns=columns,
                key=None,
                routes=[types.Route(table.name)],
                ops=ALL,
                other_ops=types.OtherOps.PASS,
                deterministic=True,
            )
        )

    def forget_table(self, id: int) -> None:
        pass

    def transform(self, batch: types.Batch) -> types.ResultBatch:
        def made(vector: types.Vector) -> types.Vector:
            values = [None if text is None else normalize(text, self.country) for text in texts(vector)]
            return vector_of(vector.column, values, vector)

        # The output table has its columns where the source has them: the indexes are the same.
        after = [made(vector) for vector in batch.after]
        before = [made(vector) for vector in batch.before]
        return types.ResultBatch(b"", [], after, before, [], [])
