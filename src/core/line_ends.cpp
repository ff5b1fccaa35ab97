#include "line_ends.hpp"

namespace postrider {

const char* due_between(char previous, char next, bool dots) noexcept {
    const bool bare_cr = previous == '\r' && next != '\n';
    if (dots && next == '.' && (bare_cr || previous == '\n')) {
        return bare_cr ? "\n." : ".";
    }
    const bool bare_lf = previous != '\r' && next == '\n';
    return bare_cr ? "\n" : bare_lf ? "\r" : "";
}

} // namespace postrider
