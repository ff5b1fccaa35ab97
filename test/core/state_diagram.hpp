// state_diagram.hpp - the protocol's table as a page with a diagram: docs/state-diagram.md.
#pragma once

#include <string>

namespace wire {

/// The whole page.
std::string state_diagram();

} // namespace wire
