//! CAT: the catalog `sch_chameleon`.

codes! {
    CAT001 AfterOperatorAction "there is no catalog in the target database";
    CAT002 WithBackoff "a statement on the catalog failed";
    CAT003 AfterOperatorAction "the catalog is not of version 1.3 yet";
    CAT004 Never "the catalog is of a newer version of pg_chameleon";
    CAT005 Never "the schema sch_chameleon is no catalog";
    CAT006 Never "the catalog exists already";
    CAT007 AfterOperatorAction "the source is not registered";
    CAT008 Never "the source's name or destination schema is taken";
    CAT009 WithBackoff "the batch is not the open one any more";
    CAT010 Never "a batch would be closed at the position where it begins";
    CAT011 AfterOperatorAction "the catalog holds something that cannot be read";
    CAT012 AfterOperatorAction "another session works for the same source";
    CAT013 AfterOperatorAction "pg_chameleon 1.x is running for the source";
    CAT014 AfterOperatorAction "a change found no row in the target table";
    CAT015 AfterOperatorAction "pg_chameleon 1.x did not replicate the table, because it has no key";
    CAT030 AfterOperatorAction "a source says that it is running, and no session is there";
    CAT031 AfterOperatorAction "changes wait for replay";
}
