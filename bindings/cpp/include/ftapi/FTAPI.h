/// @file
/// The vendor's classes under futu's names. They are aliases: declare them by including this, not as `class FTAPI_Qot;`.
#ifndef CAPDIST_FTAPI_FTAPI_H
#define CAPDIST_FTAPI_FTAPI_H

#include "vendor.hpp"

namespace Futu {
using i32_t = std::int32_t;
using i64_t = std::int64_t;
using u16_t = std::uint16_t;
using u32_t = std::uint32_t;
using u64_t = std::uint64_t;
} // namespace Futu

using FTAPI = capdist::vendor::API;
using FTAPI_Conn = capdist::vendor::Conn;
using FTAPI_Qot = capdist::vendor::Qot;
using FTSPI_Conn = capdist::vendor::SPI_Conn;
using FTSPI_Qot = capdist::vendor::SPI_Qot;
using FTSPI_Trd = capdist::vendor::SPI_Trd;

#endif
