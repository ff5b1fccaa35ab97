#include "tally.hpp"

#include "error.hpp"
#include "exit_code.hpp"

namespace postrider::cli {

void tally::add(const send_result& result) {
    if (result.all_delivered()) {
        ++delivered;
    } else if (result.any(disposition::in_doubt)) {
        ++in_doubt;
    } else if (result.any(disposition::delivered)) {
        ++partial;
    } else {
        ++(result.any(disposition::transient) ? transient : permanent);
        add_failure(exit_code_of(result));
    }
}

void tally::add_unusable(int exit) {
    ++permanent;
    add_failure(exit);
}

void tally::add_failure(int exit) {
    failure = failure == 0 || exit == exit_code::temporary ? exit : failure;
}

int tally::exit() const {
    if (in_doubt > 0) {
        return exit_code::in_doubt;
    }
    if (delivered == messages) {
        return exit_code::delivered;
    }
    if (delivered + partial > 0) {
        return exit_code::partly;
    }
    return failure != 0 ? failure : exit_code::temporary;
}

const char* tally::verdict() const {
    if (in_doubt > 0) {
        return "in_doubt";
    }
    if (delivered + partial > 0) {
        return delivered == messages ? "delivered" : "partial";
    }
    return transient > 0 ? "transient" : permanent > 0 ? "permanent" : "not_tried";
}

} // namespace postrider::cli
