//! TGT: the PostgreSQL target.

codes! {
    TGT001 WithBackoff "the target does not answer";
    TGT002 AfterOperatorAction "the target refuses the login";
    TGT003 WithBackoff "another session of the target is in the way";
    TGT004 AfterOperatorAction "the target refuses a value";
    TGT005 AfterOperatorAction "a constraint of the target refuses a row";
    TGT006 AfterOperatorAction "the target has run out of disk or memory";
    TGT007 AfterOperatorAction "a right is missing at the target";
    TGT008 AfterOperatorAction "an object is missing at the target";
    TGT009 WithBackoff "the target is read-only";
    TGT010 AfterOperatorAction "the target refuses a statement";
    TGT011 Never "an answer of the target has an unexpected shape";
    TGT012 Never "the connection URL of the target cannot be read";
    TGT030 AfterOperatorAction "the target's version is not supported";
    TGT031 AfterOperatorAction "the destination schema needs care";
    TGT032 AfterOperatorAction "the target has little free disk space";
    TGT033 AfterOperatorAction "a type is missing at the target";
    TGT034 AfterOperatorAction "the target database is not encoded in UTF-8";
    TGT035 AfterOperatorAction "names clash at the target";
    TGT036 AfterOperatorAction "an object of the source has no counterpart at the target";
    TGT037 AfterOperatorAction "a column may hold NULL at the target";
    TGT038 AfterOperatorAction "an existing table does not fit";
    TGT039 AfterOperatorAction "a foreign key could not be added";
    TGT040 AfterOperatorAction "the target has few free connections";
    TGT041 AfterOperatorAction "decimal places were lost at the target";
    TGT042 AfterOperatorAction "a column holds hex digits instead of bytes";
    TGT043 AfterOperatorAction "times beyond a day wrapped at the target";
    TGT044 AfterOperatorAction "characters became question marks at the target";
    TGT045 AfterOperatorAction "binary values have lost zero bytes at their end";
    TGT046 AfterOperatorAction "the text NULL became NULL at the target";
    TGT047 AfterOperatorAction "rows are missing because a number does not fit at the target";
    TGT048 AfterOperatorAction "bits were stored as a decimal number of the same digits";
    TGT049 AfterOperatorAction "a table was not looked through for what 1.x damaged";
}
