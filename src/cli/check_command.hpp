// check_command.hpp - `postrider check`: would this server take mail from us, and if not, at which step does
// it fail? Nothing is sent.
#pragma once

#include "options.hpp"

#include <functional>

namespace postrider::cli {

/// Registers the subcommand; when it is the one chosen, it runs during parsing and hands over its exit code.
CLI::App* add_check_command(CLI::App& app, std::function<void(int)> set_exit);

} // namespace postrider::cli
