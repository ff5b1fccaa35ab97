// Challenges: strict base64, decoded where it lies, and the mechanisms that answer.
#include "postrider/sasl.hpp"

#include "expect.hpp"

#include <algorithm>
#include <string>

using namespace postrider;

static std::string encoded(std::string_view octets) {
    std::string out;
    for (std::size_t i = 0; i < octets.size(); i += 3) {
        char four[4];
        base64_encode_group(octets.data() + i,
                            static_cast<unsigned>(std::min<std::size_t>(3, octets.size() - i)), four);
        out.append(four, 4);
    }
    return out;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text{reinterpret_cast<const char*>(data), size};
    std::string back = encoded(text);
    EXPECT(base64_decode_in_place(back.data(), back.size()) == static_cast<std::ptrdiff_t>(size));
    EXPECT(back.substr(0, size) == text);

    std::string decoded = text;
    const std::ptrdiff_t n = base64_decode_in_place(decoded.data(), size);
    if (n >= 0) {
        EXPECT(encoded(std::string_view{decoded}.substr(0, static_cast<std::size_t>(n))) == text);
    }
    plain_mechanism plain{"user", "password"};
    plain.start();
    EXPECT(plain.respond(text) == errc::auth_challenge);
    login_mechanism login{"user", "password"};
    login.start();
    EXPECT(login.respond(text) == errc::ok && !login.may_finish());
    const std::string_view first = login.part(0);
    EXPECT(login.respond(text) == errc::ok && login.may_finish());
    EXPECT(login.part(0) != first && login.respond(text) == errc::auth_challenge);
    return 0;
}
