//! UPG: the upgrade of the catalog from 1.2 to 1.3.

codes! {
    UPG001 AfterOperatorAction "the catalog is older than version 1.2";
    UPG002 AfterOperatorAction "the catalog is damaged";
    UPG003 WithBackoff "a lock on the catalog was not to be had";
    UPG004 Never "the numbers of rows before and after the move differ";
    UPG005 AfterOperatorAction "the role lacks a right that the upgrade needs";
    UPG006 AfterOperatorAction "a step of the upgrade failed";
    UPG007 WithBackoff "the answer to the upgrade's commit was lost";
    UPG008 AfterOperatorAction "the catalog differs from a new one";
    UPG009 AfterOperatorAction "the rows of the catalog differ from the backup";
    UPG010 AfterOperatorAction "something hangs on a table that the upgrade drops";
    UPG020 AfterOperatorAction "relay rows belong to no batch";
    UPG021 AfterOperatorAction "event ids stand twice in the relay";
    UPG022 AfterOperatorAction "relay rows lie in the parent table";
    UPG023 AfterOperatorAction "the catalog names a table that is not there, or what cannot be a name";
    UPG024 AfterOperatorAction "there is too little disk space for the upgrade";
    UPG025 AfterOperatorAction "the sequence of event ids is behind the ids in use";
    UPG026 AfterOperatorAction "an upgrade was broken off half-way";
    UPG027 AfterOperatorAction "a log table is copied and not renamed";
    UPG028 WithBackoff "another session upgrades the catalog";
    UPG029 AfterOperatorAction "rows wait in the relay";
    UPG030 AfterOperatorAction "a source's destination schema is not in the database";
}
