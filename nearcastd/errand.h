// A thread for one piece of work that may take its time or never come back, such as a look at a
// file system of the network. It shares nothing with the daemon, which can forget it.
#pragma once

// fn(arg) runs on a thread of its own that nobody waits for, with all signals left to
// the loop. 0 or a negative errno; then arg is still the caller's.
[[nodiscard]] int errand_start(void *(*fn)(void *arg), void *arg);
