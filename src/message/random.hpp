// random.hpp - names nobody can guess: boundaries and Message-IDs.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

namespace postrider {

using random_source = std::function<bool(std::span<unsigned char>)>;

/// 128 bits as 32 hexadecimal digits, from `source` or, when that is empty, from the system. Nothing when it
/// fails.
std::optional<std::string> random_name(const random_source& source);

} // namespace postrider
