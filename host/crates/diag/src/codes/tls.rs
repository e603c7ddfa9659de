//! TLS: encrypted connections.

codes! {
    TLS001 AfterOperatorAction "the server's certificate is not accepted";
    TLS002 AfterOperatorAction "the server offers no TLS";
    TLS003 AfterOperatorAction "a certificate or key file cannot be used";
    TLS004 AfterOperatorAction "the TLS handshake failed";
}
