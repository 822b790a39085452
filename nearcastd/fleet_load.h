// The load of the services here, as the fleet is told it.
#pragma once

struct daemon;

// Reads the load files now, and every few seconds from then on.
void fleet_load_start(struct daemon *d);
void fleet_load_end(struct daemon *d);
