// How many files a process may have open. Any thread.
#pragma once

namespace fairlead::host {

// The soft limit up to the hard one: the usual 1,024 is soon used up. Going on without it is right.
void raise_open_files();

}  // namespace fairlead::host
