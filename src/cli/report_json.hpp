// report_json.hpp - the pieces of JSON that reports are made of. docs/command.md describes them.
#pragma once

#include "report.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace postrider::cli {

using json = nlohmann::ordered_json;

/// One line of ASCII. Octets that are no UTF-8 become U+FFFD.
std::string dump(const json& value);

json text_or_null(const std::string& text);
json recipients_json(const std::vector<recipient_outcome>& recipients);
json problem_json(const status& result, bool in_doubt);
json server_json(const server_url& where, const connection_info* line);
json tls_json(const connection_info& line);

} // namespace postrider::cli
