"""From rules to a finite system: machines, registers, one set of arguments for each cell, the cone of influence."""
