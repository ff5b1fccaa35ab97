// media_type.hpp - what is in a file, told from its name.
#pragma once

#include <string_view>

namespace postrider {

/// `type/subtype` for the ending of the name, any case; application/octet-stream when it is not known. A
/// fixed table, so that the same command makes the same message on every machine.
std::string_view media_type_of(std::string_view file_name);

} // namespace postrider
