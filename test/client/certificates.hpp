// certificates.hpp - the matrix of test/servers/certs.py, made when it is missing.
#pragma once

#include <nlohmann/json.hpp>

namespace postrider::test {

/// index.json of the matrix; see certs.py for its form. Throws when it cannot be made.
const nlohmann::json& certificates();

} // namespace postrider::test
