//! CFG: configuration and command line.

codes! {
    CFG001 Never "the configuration file cannot be read";
    CFG002 Never "the configuration file has faults";
    CFG003 Never "a key of the configuration is missing";
    CFG004 Never "a key of the configuration has a value that it does not take";
    CFG005 Never "a key of the configuration is not known";
    CFG006 Never "an environment variable or a password file is missing";
    CFG007 Never "keys of the configuration have no use any more";
    CFG008 Never "a key of the configuration stands twice";
    CFG009 Never "keys of the configuration contradict each other";
    CFG010 Never "a word of the configuration should be in quotes";
    CFG011 Never "the configuration file is not YAML that can be used";
    CFG012 Never "the home directory cannot be found or made";
    CFG013 Never "an input file cannot be read";
    CFG014 Never "the output cannot be written";
    CFG050 Never "the command line cannot be followed";
    CFG051 Never "a command that destroys something was not confirmed";
    CFG052 Never "the question was not answered with yes";
    CFG053 Never "the command is disabled";
    CFG054 AfterOperatorAction "the source is disabled";
    CFG055 AfterOperatorAction "the replica did not stop in time";
    CFG056 Never "the error code does not exist";
    CFG057 Never "the terminal cannot be written or read";
    CFG058 AfterOperatorAction "the log file cannot be written";
    CFG059 AfterOperatorAction "metrics and health cannot be served";
    CFG060 Never "two configurations are for the same source";
    CFG061 Never "there is no configuration";
    CFG062 AfterOperatorAction "the operating system refuses what the program needs";
    CFG065 AfterOperatorAction "a type override has no effect";
    CFG066 AfterOperatorAction "bytes are kept as hex text";
    CFG070 AfterOperatorAction "the source has no position to go on from";
    CFG071 WithBackoff "a part of the program ended by a defect";
    CFG072 AfterOperatorAction "a copy cannot be done as asked";
}
