// From an accepted connection to the session that serves it.
#pragma once

#include "userspace-proxy/base/fd.h"
#include "userspace-proxy/proxy/arrival.h"

namespace fairlead::proxy {

class Worker;

// Starts a session, which lives by itself, or closes the connection: nobody redirected it, or nothing is known of its
// pod.
void serve(Worker& worker, Fd fd, const Arrival& arrival);

}  // namespace fairlead::proxy
