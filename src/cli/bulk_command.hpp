// bulk_command.hpp - `postrider send` for many messages.
#pragma once

#include "options.hpp"

namespace postrider::cli {

/// Several messages, something that can hold several, or one whose outcome is to be kept.
bool is_bulk(const send_choice& chosen);

/// Looks through the whole list, then sends it. Returns the exit code; throws command_error.
int send_bulk(const send_choice& chosen);

} // namespace postrider::cli
