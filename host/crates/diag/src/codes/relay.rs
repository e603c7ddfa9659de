//! RLY: writing the relay log.

codes! {
    RLY001 WithBackoff "the batch could not be written to the relay log";
    RLY002 AfterOperatorAction "a relayed row cannot be read back";
}
