//! TRF: transforms.

codes! {
    TRF001 Never "a transform's module cannot be read";
    TRF002 Never "a file is not a WebAssembly module";
    TRF003 Never "a transform's module is not the one that was pinned";
    TRF004 Never "a core module does not describe its interface";
    TRF005 Never "a transform's module is for another version of the interface";
    TRF006 Never "a transform's module imports what no transform may import";
    TRF007 Never "a transform's module lacks a part of the interface";
    TRF008 AfterOperatorAction "compiled transforms cannot be kept";
    TRF009 AfterOperatorAction "transforms cannot be run here";
    TRF010 Never "a transform refuses its configuration";
    TRF011 AfterOperatorAction "a transform refuses a table";
    TRF012 AfterOperatorAction "a transform's plan for a table cannot be carried out";
    TRF013 AfterOperatorAction "a column's type cannot take what a transform gives it";
    TRF014 AfterOperatorAction "tables that transforms merge have different shapes";
    TRF015 AfterOperatorAction "a table was copied with other transforms";
    TRF016 AfterOperatorAction "a change of one table would destroy rows of another";
    TRF020 AfterOperatorAction "a transform took too long";
    TRF021 AfterOperatorAction "a transform asked for too much memory";
    TRF022 AfterOperatorAction "a transform used up its stack";
    TRF023 AfterOperatorAction "a transform broke down";
    TRF024 AfterOperatorAction "a transform's answer cannot be used";
    TRF025 AfterOperatorAction "a transform refuses rows";
    TRF026 AfterOperatorAction "a transform rejected a row";
    TRF027 AfterOperatorAction "a transform needs whole row images";
    TRF028 AfterOperatorAction "too many rows of one batch fail in a transform";
    TRF029 AfterOperatorAction "a batch outgrew what it can hold";
    TRF040 Never "the project of a new transform cannot be written";
    TRF041 Never "a test case cannot be read";
    TRF042 AfterOperatorAction "test cases of a transform differ";
    TRF043 Never "a module cannot be looked at with this table";
}
