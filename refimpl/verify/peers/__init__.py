"""Released libraries, held to the equations and to laws."""
