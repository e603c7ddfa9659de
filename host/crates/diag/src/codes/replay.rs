//! RPL: applying changes to the target's tables.

codes! {
    RPL001 AfterOperatorAction "the target refuses a row";
    RPL002 AfterOperatorAction "the target's rows are not those that the source changed";
    RPL003 AfterOperatorAction "the target's table has another shape than the source's";
    RPL004 AfterOperatorAction "a right at the target is missing";
    RPL005 AfterOperatorAction "the target cannot apply a change";
    RPL006 AfterOperatorAction "rows were read from the source but not stored";
    RPL007 AfterOperatorAction "the table is being copied anew";
    RPL008 AfterOperatorAction "changes of a prepared transaction were set aside";
    RPL100 AfterOperatorAction "a value does not fit in the target's type";
    RPL101 AfterOperatorAction "a text holds a NUL character";
    RPL102 AfterOperatorAction "a date is zero or partial";
    RPL103 AfterOperatorAction "a text is not valid in its character set";
    RPL104 AfterOperatorAction "a value has no label in the column's definition";
    RPL105 AfterOperatorAction "a value is longer than PostgreSQL can store";
    RPL106 AfterOperatorAction "a text is no value of the target's type";
    RPL107 AfterOperatorAction "a value is no geometry";
    RPL108 AfterOperatorAction "a row image lacks a value that is needed";
    RPL109 Never "a value is not in the form of its column's type";
    RPL110 AfterOperatorAction "source type and target type do not go together";
}
