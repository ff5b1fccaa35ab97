// exit_code.hpp - one number for what became of a message, for scripts: see docs/command.md.
#pragma once

#include "postrider/client.hpp"

namespace postrider::cli {

/// 0 all delivered; 2 when any is in doubt, for nothing must hide that; 1 some delivered; else what the
/// failure was, and 75 when trying again may help some of several recipients.
int exit_code_of(const send_result& result);

/// Of an operation without recipients, or one that ended before them.
int exit_code_of(const status& result);

/// The outcome in one word: delivered, partial, in_doubt, transient, permanent.
const char* verdict_of(const send_result& result);

} // namespace postrider::cli
