"""Any program as a peer: it speaks the line protocol of docs/exec-protocol.md on its standard input and output."""
