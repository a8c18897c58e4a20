// The generated messages (see ../proto and `make messages`).
#include "Common.pb-c.h"
#include "GetGlobalState.pb-c.h"
#include "InitConnect.pb-c.h"
#include "InitWebSocket.pb-c.h"
#include "KeepAlive.pb-c.h"
#include "Notify.pb-c.h"
#include "Qot_Common.pb-c.h"
#include "Qot_GetCapitalDistribution.pb-c.h"
