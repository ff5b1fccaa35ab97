// Content in canonical form: the same for every cutting, no bare CR or LF, no lone dot, and what the receiver
// takes off gives what BDAT would have sent.
#include "postrider/content_encoder.hpp"

#include "expect.hpp"

#include <cstdint>
#include <string>

using namespace postrider;
using framing = content_encoder::framing;

static std::string encode(std::string_view s, framing f, const std::uint8_t* cuts, std::size_t count,
                          bool& nul) {
    content_encoder e{f};
    std::string out;
    for (std::size_t i = 0; !nul; ++i) {
        const std::size_t n = count == 0 ? s.size() : std::min<std::size_t>(cuts[i % count] % 8U, s.size());
        const bool last = n == s.size();
        e.lend(s.substr(0, n), last);
        s.remove_prefix(n);
        const result<std::size_t> measured = e.measure();
        const std::size_t before = out.size();
        for (std::string_view slice = e.next(); !slice.empty(); slice = e.next()) {
            out += slice;
        }
        nul = e.error() != errc::ok;
        EXPECT(nul ? measured.error() == errc::content_has_nul
                   : measured && *measured == out.size() - before);
        if (last) {
            break;
        }
        if (i > 4096) { // all cuts were 0
            count = 0;
        }
    }
    return out;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::size_t count = size == 0 ? 0 : std::min<std::size_t>(data[0] % 8U, size - 1);
    const std::uint8_t* cuts = data + 1;
    const std::string_view s{reinterpret_cast<const char*>(data), size};
    bool nul = false;
    bool cut_nul = false;
    bool dots_nul = false;
    bool binary_nul = false;
    const std::string counted = encode(s, framing::counted, cuts, 0, nul);
    const std::string cut = encode(s, framing::counted, cuts, count, cut_nul);
    const std::string dots = encode(s, framing::dots, cuts, count, dots_nul);
    EXPECT(encode(s, framing::binary, cuts, count, binary_nul) == s && !binary_nul);
    EXPECT(nul == (s.find('\0') != std::string_view::npos) && cut_nul == nul && dots_nul == nul);
    if (nul) {
        return 0;
    }
    EXPECT(cut == counted && (counted.empty() || counted.ends_with("\r\n")));
    std::string plain;
    bool at_start = true;
    for (std::size_t i = 0; i < dots.size(); ++i) {
        EXPECT(dots[i] != '\n' || (i > 0 && dots[i - 1] == '\r'));
        EXPECT(dots[i] != '\r' || (i + 1 < dots.size() && dots[i + 1] == '\n'));
        if (at_start && dots[i] == '.') {
            EXPECT(i + 1 < dots.size() && dots[i + 1] != '\r');
        } else {
            plain += dots[i];
        }
        at_start = dots[i] == '\n';
    }
    EXPECT(plain == counted);
    return 0;
}
