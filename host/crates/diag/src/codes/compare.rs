//! CMP: comparing source and target.

codes! {
    CMP001 AfterOperatorAction "source and target differ";
}
