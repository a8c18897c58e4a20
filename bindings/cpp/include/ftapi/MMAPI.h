/// @file
/// The vendor's classes with moomoo's names. They are aliases: include this, instead of declaring `class MMAPI_Qot;`.
#ifndef CAPDIST_FTAPI_MMAPI_H
#define CAPDIST_FTAPI_MMAPI_H

#include "vendor.hpp"

namespace moomoo {
using namespace capdist::vendor::integers;
}

using MMAPI = capdist::vendor::API;
using MMAPI_Conn = capdist::vendor::Conn;
using MMAPI_Qot = capdist::vendor::Qot;
using MMSPI_Conn = capdist::vendor::SPI_Conn;
using MMSPI_Qot = capdist::vendor::SPI_Qot;
using MMSPI_Trd = capdist::vendor::SPI_Trd;

#endif
