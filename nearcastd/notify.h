// The service manager's protocol (sd_notify(3)): a datagram to the socket that
// NOTIFY_SOCKET names. Everything here does nothing without a manager.
#pragma once

#include <stdint.h>

// state: "READY=1", "STOPPING=1", "WATCHDOG=1"; several lines are allowed.
void notify_send(const char *state);

// The interval within which WATCHDOG=1 must come, in milliseconds; 0: none is wanted.
uint64_t notify_watchdog_ms(void);
