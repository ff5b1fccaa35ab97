// Prints docs/state-diagram.md.
#include "state_diagram.hpp"

#include <cstdio>

int main() {
    std::fputs(wire::state_diagram().c_str(), stdout);
    return 0;
}
