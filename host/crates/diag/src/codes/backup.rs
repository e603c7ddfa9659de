//! BAK: backup, verification and rollback of the catalog.

codes! {
    BAK001 AfterOperatorAction "a program of PostgreSQL is missing";
    BAK002 AfterOperatorAction "pg_dump is older than the server";
    BAK003 AfterOperatorAction "a program of PostgreSQL failed";
    BAK004 AfterOperatorAction "a file of the backup cannot be read or written";
    BAK005 Never "the backup exists already";
    BAK006 AfterOperatorAction "the manifest of the backup is missing or cannot be read";
    BAK007 Never "the backup is damaged";
    BAK008 Never "the backup does not hold what its manifest says";
    BAK009 AfterOperatorAction "no scratch server could be started";
    BAK010 Never "the backup is not of a catalog of version 1.2";
    BAK011 Never "the backup is of another catalog";
    BAK012 Never "a verbatim restore would apply changes again";
    BAK013 AfterOperatorAction "a position is beyond what version 1.2 can hold";
    BAK014 AfterOperatorAction "version 1.2 cannot replay rows that wait";
    BAK015 AfterOperatorAction "a copy has not come to its end";
    BAK016 AfterOperatorAction "the rollback leaves something behind";
    BAK017 Never "the catalog is of version 1.2 already";
    BAK018 Never "there is no such replaced catalog";
    BAK019 AfterOperatorAction "the answer to the rollback's commit was lost";
    BAK020 Never "the rollback's result is not what it should be";
    BAK021 AfterOperatorAction "the backup could only be checked without restoring it";
    BAK022 AfterOperatorAction "objects outside the catalog depend on it";
    BAK023 AfterOperatorAction "rows of the backup break a foreign key";
}
