// send_command.hpp - `postrider send`: one message, and an honest word about each recipient.
#pragma once

#include "options.hpp"

#include <functional>

namespace postrider::cli {

/// Registers the subcommand; when it is the one chosen, it runs during parsing and hands over its exit code.
CLI::App* add_send_command(CLI::App& app, std::function<void(int)> set_exit);

} // namespace postrider::cli
