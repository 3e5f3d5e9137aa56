// A table in Markdown's form, padded so that it also reads well on a terminal. Pure; any thread.
#pragma once

#include <string>
#include <vector>

namespace fairlead::bench {

// The first line is the head; every line has as many cells. The first two columns are names and keep left, the others
// keep right. Cells are ASCII: a column is as wide as its widest cell has bytes.
std::string table(const std::vector<std::vector<std::string>>& lines);

}  // namespace fairlead::bench
